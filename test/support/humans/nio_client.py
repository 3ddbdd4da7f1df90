"""A person with matrix-nio, driven by JSON lines: commands on standard input, answers and events on standard output.

A command is {"id", "call", ...arguments}, its answer {"id", "ok"} or {"id", "error"}.
Events come as {"event": {...}} once decrypted, or {"undecryptable": {...}}; the latter are
tried again whenever a room key arrives.
"""

import asyncio
import base64
import hashlib
import json
import logging
import sys

from aiohttp import ClientError
from nio import (
    AsyncClient,
    AsyncClientConfig,
    Event,
    EncryptionError,
    MegolmEvent,
    RoomKeyEvent,
    RoomSendResponse,
    SyncResponse,
    ToDeviceError,
)
from nio.api import Api
from nio.crypto.attachments import decrypt_attachment, encrypt_attachment
from nio.crypto.sas import Sas

logging.disable(logging.CRITICAL)


class SpecifiedSas:
    """matrix-nio 0.26 writes the commitment in hexadecimal, and computes the MAC's second version while it names the
    first; every other client refuses both. These are what the specification says."""

    mac = "hkdf-hmac-sha256.v2"

    @staticmethod
    def commits(sas, key):
        content = Api.to_canonical_json(sas.start_verification().content)
        digest = hashlib.sha256(key.encode() + content.encode()).digest()
        return sas.commitment == base64.b64encode(digest).decode().rstrip("=")


Sas._mac_normal = SpecifiedSas.mac
Sas._mac_v1 = [SpecifiedSas.mac]
Sas._check_commitment = SpecifiedSas.commits


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


class Person:
    def __init__(self, settings):
        self.client = AsyncClient(
            settings["homeserver"],
            settings["userId"],
            device_id=settings["deviceId"],
            store_path=settings["storePath"],
            config=AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True, max_timeouts=1),
        )
        self.client.restore_login(settings["userId"], settings["deviceId"], settings["accessToken"])
        self.client.add_event_callback(self.on_event, Event)
        self.client.add_to_device_callback(self.on_room_key, RoomKeyEvent)
        self.waiting = {}
        self.ready = False

    async def on_event(self, room, event):
        if isinstance(event, MegolmEvent):
            self.waiting[event.event_id] = (room, event)
            say({"undecryptable": {"roomId": room.room_id, "eventId": event.event_id, "sender": event.sender, "reason": "no room key"}})
            return
        source = event.source
        if "state_key" in source:
            return
        say(
            {
                "event": {
                    "roomId": room.room_id,
                    "eventId": event.event_id,
                    "sender": event.sender,
                    "type": source.get("type", ""),
                    "content": source.get("content", {}),
                    "encrypted": bool(event.decrypted),
                    "originServerTs": event.server_timestamp,
                }
            }
        )

    async def on_room_key(self, _event):
        for event_id, (room, event) in list(self.waiting.items()):
            try:
                decrypted = self.client.decrypt_event(event)
            except EncryptionError:
                continue
            del self.waiting[event_id]
            await self.on_event(room, decrypted)

    async def on_sync(self, _response):
        if not self.ready:
            self.ready = True
            say({"ready": True})

    async def send(self, roomId, type, content):
        answer = await self.client.room_send(roomId, type, content, ignore_unverified_devices=True)
        if not isinstance(answer, RoomSendResponse):
            raise RuntimeError(f"room_send: {answer}")
        return answer.event_id

    async def encrypt_file(self, data):
        ciphertext, keys = encrypt_attachment(base64.b64decode(data))
        return {"data": base64.b64encode(ciphertext).decode(), "file": keys}

    async def decrypt_file(self, data, file):
        clear = decrypt_attachment(base64.b64decode(data), file["key"]["k"], file["hashes"]["sha256"], file["iv"])
        return base64.b64encode(clear).decode()

    async def has_room(self, roomId, encrypted):
        room = self.client.rooms.get(roomId)
        return room is not None and (room.encrypted or not encrypted)

    async def knows_device(self, roomId, userId):
        room = self.client.rooms.get(roomId)
        if room is None or userId not in room.users or room.users[userId].invited:
            return False
        if next(self.client.device_store.active_user_devices(userId), None) is not None:
            return True
        # Nothing changed since the device appeared before we shared a room: ask.
        self.client.olm.users_for_key_query.add(userId)
        await self.client.keys_query()
        return next(self.client.device_store.active_user_devices(userId), None) is not None

    async def begin_verification(self, userId, deviceId):
        answer = await self.client.start_key_verification(self.client.device_store[userId][deviceId])
        if isinstance(answer, ToDeviceError):
            raise RuntimeError(f"start_key_verification: {answer}")

    async def verification_emoji(self, transactionId):
        sas = self.client.key_verifications[transactionId]
        while not sas.established_sas:
            if sas.canceled:
                raise RuntimeError(f"cancelled: {sas.cancel_code} {sas.cancel_reason}")
            await asyncio.sleep(0.1)
        # matrix-nio 0.26 takes vodozemac's seven indices for bytes that are still to be cut into indices.
        indices = sas.established_sas.bytes(sas._extra_info).emoji_indices
        return " ".join(sas.emoji[index][0] for index in indices)

    async def confirm_verification(self, transactionId):
        answer = await self.client.confirm_short_auth_string(transactionId)
        if isinstance(answer, ToDeviceError):
            raise RuntimeError(f"confirm_short_auth_string: {answer}")

    async def trusts_device(self, userId, deviceId):
        return self.client.device_store[userId][deviceId].verified

    async def run(self):
        self.client.add_response_callback(self.on_sync, SyncResponse)
        # The default of ten events a room would hide what an agent wrote while this process had no time.
        everything = {"room": {"timeline": {"limit": 1000}}}
        while True:
            try:
                await self.client.sync_forever(timeout=10_000, sync_filter=everything, full_state=False)
            except (ClientError, asyncio.TimeoutError, OSError):
                # The homeserver is away: as an app on a phone, try until it is back.
                await asyncio.sleep(0.5)


async def main():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    # The token comes this way too: an argument list is readable by everybody.
    person = Person(json.loads(await reader.readline()))
    syncing = asyncio.create_task(person.run())

    async def answer(command):
        number = command.pop("id")
        try:
            say({"id": number, "ok": await getattr(person, command.pop("call"))(**command)})
        except Exception as error:
            say({"id": number, "error": f"{type(error).__name__}: {error}"})

    running = set()
    try:
        while line := await reader.readline():
            task = asyncio.create_task(answer(json.loads(line)))
            running.add(task)
            task.add_done_callback(running.discard)
    finally:
        syncing.cancel()
        await person.client.close()


asyncio.run(main())
